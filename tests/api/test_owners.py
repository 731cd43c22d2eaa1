"""No request is taken for the server's own identities, whatever name it comes with."""

import json
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW, basic, put
from wasmverse.commands import BUNDLED_OWNER, RemoveStrategy, UploadStrategy
from wasmverse.tokens import Role, TokenFile, token_path


@pytest.mark.parametrize("user", ["wasmverse", "WasmVerse", "operator"])
def test_a_reserved_user_name_commands_nothing(gateway: RunningGateway, user: str) -> None:
    commands = len(gateway.universe.commands)
    for answer in (
        put(gateway, "mine", HOLD, basic(user)),
        gateway.http.delete("/api/v1/strategies/strategy_default", headers=basic(user)),
        gateway.http.post(
            "/api/v2/exec", json={"sql": "call spawn_entity(1, 2, 3, 4, null)"}, headers=basic(user)
        ),
    ):
        assert answer.status_code == 403
        assert "reserved" in answer.text
    assert len(gateway.universe.commands) == commands
    assert (
        gateway.http.post("/api/v2/query/rows", json={"sql": "select 1"}, headers=basic(user)).status_code
        == 200
    )


def test_anonymous_is_a_name_like_none(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"name": "mine", "tid": 1}
    owners = []
    for headers in (None, basic("anonymous"), basic("ada")):
        assert gateway.http.delete("/api/v1/strategies/mine", headers=headers).status_code == 200
        command = gateway.universe.commands[-1]
        assert isinstance(command, RemoveStrategy)
        owners.append(command.author.owner)
    assert owners == ["name:anonymous", "name:anonymous", "name:ada"]
    assert BUNDLED_OWNER not in owners


def test_an_old_token_of_a_reserved_name_only_reads(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, access="token")
    try:
        file = TokenFile(token_path(running.settings.database_path))
        token = file.create("ada", Role.admin)
        entries = json.loads(file.path.read_text())
        file.path.write_text(json.dumps([entry | {"name": "wasmverse"} for entry in entries]))
        headers = {"Authorization": f"Bearer {token}"}
        refused = put(running, "mine", HOLD, headers)
        assert refused.status_code == 403 and "reserved" in refused.text
        assert running.http.get("/api/v1/strategies", headers=headers).status_code == 200
        file.path.write_text(json.dumps(entries))
        running.universe.answer = {"strategies": [ROW], "tid": 5}
        assert put(running, "mine", HOLD, headers).status_code == 201
        command = running.universe.commands[-1]
        assert isinstance(command, UploadStrategy) and command.author.is_admin
    finally:
        running.close()
