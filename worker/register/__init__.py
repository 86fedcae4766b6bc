"""The customers' data, wherever it is: the declared map of it; find, read, rectify, erase."""
