"""A member of a body given twice: whoever stands in front might look at the other one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword_server.bodies import JSON, json_decoder
from watchword_server.problems import ProblemError

if TYPE_CHECKING:
    import httpx

    from servers import RunningServer

SENT = {"Content-Type": JSON}
CHECK = "/v1/keys/default/check"


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body with all that ours have: text, numbers, lists, and what can be left out."""

    text: str
    number: int | None = None
    names: list[str] = []


MEMBERS = st.one_of(
    st.tuples(st.just("text"), st.text(max_size=4) | st.sampled_from(['"', ":", '":"', "\\"])),
    st.tuples(st.just("number"), st.none() | st.integers(0, 9)),
    st.tuples(st.just("names"), st.lists(st.sampled_from([":", '"', "text"]), max_size=3)),
)

decode = json_decoder(Sent)


@pytest.mark.parametrize(
    "body",
    [
        '{"code":"000000","code":"111111"}',
        '{"code":"000000","code":"000000"}',
        '{"code":"000000" , "c\\u006fde" :"111111"}',
    ],
)
async def test_are_refused(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.post(CHECK, content=body, headers=SENT)
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (400, "urn:watchword:problem:malformed-body")
    assert problem["detail"] == "each member of the body can be given once"


async def test_neither_of_two_codes_is_judged(server: RunningServer, client: httpx.AsyncClient) -> None:
    body = f'{{"code":"{server.wrong_code()}","code":"{server.code()}"}}'
    assert (await client.post(CHECK, content=body, headers=SENT)).status_code == 400
    answer = await client.post(CHECK, json={"code": server.code()})
    assert (answer.json()["valid"], answer.json()["attempts_left"]) == (True, 5)


@given(st.lists(MEMBERS, max_size=4), st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_are_told_from_what_only_looks_like_them(
    members: list[tuple[str, object]],
    in_ascii: bool,  # noqa: FBT001 - drawn
    space: str,
) -> None:
    members = [("text", ":"), *members]

    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=in_ascii)

    inside = ",".join(f"{space}{written(name)}{space}:{written(value)}" for name, value in members)
    body = f"{{{inside}}}".encode()
    if len({name for name, _ in members}) == len(members):
        assert msgspec.to_builtins(decode(body)).items() >= dict(members).items()
    else:
        with pytest.raises(ProblemError) as refused:
            decode(body)
        assert "given once" in refused.value.detail
