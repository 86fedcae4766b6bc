"""The list of what waits for a person, and the page of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape
from starlette.responses import RedirectResponse
from starlette.routing import Route

from worker.casework import rule
from worker.rules.deadline import Standing
from worker.rules.letters import Answer, Refused
from worker.rules.mail import Address
from worker.rules.model import Column, Right
from worker.rules.reading.model import Part
from worker.web.ruling import REFUSALS, Act, Plan, carry_out, planned
from worker.web.site import Action, Message
from worker.web.staff import sees_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from worker.casework.desk import Desk
    from worker.casework.pages import HeldPage, QueueLine
    from worker.casework.staff import Session
    from worker.rules.model import Language
    from worker.rules.reading.model import Evidence
    from worker.web.site import Site
    from worker.web.staff import Door

_DONE: Final = frozenset({*Act, "gone"})


@dataclass(frozen=True, slots=True)
class QueuePages:
    """``/desk/`` and ``/desk/mail/ID``."""

    desk: Desk
    site: Site
    door: Door

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [
            Route("/desk", self.to_list, methods=["GET"]),
            Route("/desk/", self.list, methods=["GET"]),
            Route("/desk/mail/{item}", self.look, methods=["GET"]),
            Route("/desk/mail/{item}", self.decide, methods=["POST"]),
        ]

    async def to_list(self, request: Request) -> Response:  # noqa: ARG002 - the shape of a route
        """The list has a slash at its end."""
        return RedirectResponse("/desk/", 307)

    async def list(self, request: Request) -> Response:
        """What waits, oldest legal date first. An administrator sees none of it."""
        session = await self.door.session(request)
        if not sees_people(session):
            return self.door.page(request, session, "desk_nobody.html", tab="queue")
        lines = await rule.queue(self.desk, actor(session))
        wanted, done = request.query_params.get("show", ""), request.query_params.get("done", "")
        return self.door.page(
            request, session, "desk_queue.html", tab="queue", total=len(lines), lines=[line for line in lines if fits(line, wanted)], show=wanted,
            filters=filters(lines), done=done if done in _DONE else "",
        )  # fmt: skip

    async def look(self, request: Request) -> Response:
        """One held mail or case. The look is recorded."""
        session = await self.door.session(request)
        if not sees_people(session):
            return self._forbidden(request, session)
        held = await rule.look(self.desk, actor(session), item_of(request))
        return self._held(request, session, held) if held else RedirectResponse("/desk/?done=gone", 303)

    async def decide(self, request: Request) -> Response:
        """First the page that says what will happen, then, from its button, the thing itself."""
        session, fields = await self.door.posted(request)
        if not sees_people(session):
            return self._forbidden(request, session)
        held = await rule.look(self.desk, actor(session), item_of(request))
        if held is None:
            return RedirectResponse("/desk/?done=gone", 303)
        plan = planned(fields, held)
        if plan is None or plan.wrong or fields.line("step") not in {"check", "do"}:
            return self._held(request, session, held, plan)
        if fields.line("step") == "check":
            return self._check(request, session, held, plan)
        done = await carry_out(self.desk, actor(session), held.line.id, plan)
        return RedirectResponse(f"/desk/?done={plan.act if done else 'gone'}", 303)

    def _held(self, request: Request, session: Session, held: HeldPage, plan: Plan | None = None) -> Response:
        values = {change.column: change.new for change in (plan.changes if plan and plan.changes else held.changes)}
        return self.door.page(
            request, session, "desk_mail.html", status=422 if plan and plan.wrong else 200, tab="queue", held=held, line=held.line, plan=plan,
            text=marked(held.text, [e for e in held.because if e.part is Part.BODY]), subject=marked(held.subject, [e for e in held.because if e.part is Part.SUBJECT]),
            rights=tuple(Right), columns=tuple(Column), refusals=REFUSALS, values=values,
        )  # fmt: skip

    def _check(self, request: Request, session: Session, held: HeldPage, plan: Plan) -> Response:
        return self.door.page(
            request, session, "desk_check.html", tab="queue", held=held, line=held.line, plan=plan, letter=self.preview(held, plan), writes=self._writes(held)
        )  # fmt: skip

    def preview(self, held: HeldPage, plan: Plan) -> str:
        """The letter that will leave, as its text; empty where none leaves at once."""
        letter: Answer | Refused
        if plan.act is Act.ANSWER:
            letter = Answer(held.line.reference, words=plan.words)
        elif plan.act is Act.REFUSE and plan.reason is not None:
            letter = Refused(held.line.reference, rights=plan.rights, reason=plan.reason, explanation=plan.words)
        else:
            return ""
        return self.desk.letters.render(letter, self._writes(held), to=Address(held.sender), message_id="<preview@localhost>").text

    def _writes(self, held: HeldPage) -> Language:
        return held.line.language or self.desk.languages[0]

    def _forbidden(self, request: Request, session: Session) -> Response:
        t = self.site.words(self.site.language(request))
        message = Message(
            "bad", t("staff.forbidden_title"), (t("staff.forbidden"),), (Action(t("staff.health"), "/desk/health", tone="quiet"),)
        )
        return self.door.page(request, session, "desk_message.html", status=403, message=message, tab="")


def actor(session: Session) -> str:
    """Under which name the audit log knows who looked or decided."""
    return f"staff:{session.staff_id}"


def item_of(request: Request) -> str:
    """The id in the address, cut."""
    return str(request.path_params["item"])[:64]


def fits(line: QueueLine, wanted: str) -> bool:
    """Whether a line belongs to the choice ``wanted``: "urgent", a label, or everything."""
    return not wanted or (wanted == "urgent" and line.standing is not Standing.IN_TIME) or wanted in line.labels


def filters(lines: Sequence[QueueLine]) -> list[tuple[str, int]]:
    """The choices that have something in them, with how much."""
    labels = sorted({label.value for line in lines for label in line.labels})
    counted = [(wanted, sum(fits(line, wanted) for line in lines)) for wanted in ("urgent", *labels)]
    return [(wanted, count) for wanted, count in counted if count]


def marked(text: str, because: Sequence[Evidence]) -> Markup:
    """``text`` escaped, with the characters of ``because`` in ``<mark>``; overlapping spans become one."""
    parts, end = [], 0
    for start, stop in _merged([evidence.span for evidence in because], len(text)):
        parts += [escape(text[end:start]), Markup("<mark>"), escape(text[start:stop]), Markup("</mark>")]
        end = stop
    return Markup("").join([*parts, escape(text[end:])])


def _merged(spans: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted((max(0, start), min(stop, length)) for start, stop in spans):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
