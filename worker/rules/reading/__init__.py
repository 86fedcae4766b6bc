"""Understanding a mail: quotes, language, rules, extraction, verdict."""
