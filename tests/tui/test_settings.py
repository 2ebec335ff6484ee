"""Where settings come from, which wins, and what is refused in words that help."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword_tui.errors import Exit, SettingsError
from watchword_tui.settings import (
    DEFAULT_URL,
    Overrides,
    ServerProfile,
    Settings,
    default_path,
    load_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKEN = "ww_nobody-may-see-this"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PROFILES = """
[servers.dev]
url = "http://127.0.0.1:6238"
token_file = "dev.token"

[servers.prod]
url = "https://codes.example.net"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, so that nobody's own settings count."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The working directory, with the settings file in it."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def load(
    work: Path,
    file: str | bytes = "",
    environ: Mapping[str, str] | None = None,
    *,
    server: str | None = None,
    account_files: tuple[Path, ...] = (),
    ca_file: Path | None = None,
) -> Settings:
    """Settle the settings from flags, an environment and a settings file."""
    config = write(work / "config.toml", file)
    flags = Overrides(config=config, server=server, account_files=account_files, ca_file=ca_file)
    return load_settings(flags, environ or {}, work)


def refusal(settle: Callable[[], object]) -> str:
    """The words of the one-line error that `settle` ends with; they never hold a token or secret."""
    with pytest.raises(SettingsError) as caught:
        settle()
    words = str(caught.value)
    assert caught.value.exit_status == Exit.USAGE
    assert "\n" not in words
    assert TOKEN not in words
    assert SECRET not in words
    return words


class TestPrecedence:
    def test_without_any_settings_the_server_on_this_machine_is_asked_without_a_token(
        self, work: Path
    ) -> None:
        settings = load_settings(Overrides(), {}, work)

        assert settings.profile.url == DEFAULT_URL
        assert settings.profile.bearer_token() is None
        assert settings.account_files == ()
        assert settings.dotenv_secret is None

    def test_the_first_profile_is_used_unless_another_is_named(self, work: Path) -> None:
        assert load(work, PROFILES).server == "dev"

    def test_the_file_names_the_server(self, work: Path) -> None:
        assert load(work, 'server = "prod"\n' + PROFILES).server == "prod"

    def test_the_environment_names_the_server_over_the_file(self, work: Path) -> None:
        settings = load(work, 'server = "dev"\n' + PROFILES, {"WATCHWORD_SERVER": "prod"})

        assert settings.server == "prod"

    def test_a_flag_names_the_server_over_the_environment(self, work: Path) -> None:
        settings = load(work, PROFILES, {"WATCHWORD_SERVER": "prod"}, server="dev")

        assert settings.server == "dev"

    def test_all_profiles_are_there_to_choose_from_in_the_files_order(self, work: Path) -> None:
        names = [profile.name for profile in load(work, PROFILES, server="prod").profiles]

        assert names == ["dev", "prod"]

    @pytest.mark.parametrize("profiles", ["", PROFILES])
    def test_a_url_will_do_as_a_server(self, work: Path, profiles: str) -> None:
        settings = load(work, profiles, server="https://other.example/codes/")

        assert settings.profile.url == "https://other.example/codes"
        assert settings.profile.key == "default"

    def test_account_files_of_flags_replace_those_of_the_file(self, work: Path) -> None:
        named = (work / "a.txt", work / "b.txt")

        assert load(work, 'accounts = ["otp.txt"]', account_files=named).account_files == named

    def test_a_ca_file_of_a_flag_replaces_the_profiles(self, work: Path) -> None:
        file = '[servers.dev]\nurl = "https://dev.example"\nca_file = "ca.pem"\n'

        assert load(work, file).profile.ca_file == work / "ca.pem"
        assert load(work, file, ca_file=Path("other.pem")).profile.ca_file == Path("other.pem")

    def test_a_ca_file_of_a_flag_counts_for_a_url_too(self, work: Path) -> None:
        settings = load(work, server="https://other.example", ca_file=Path("ca.pem"))

        assert settings.profile.ca_file == Path("ca.pem")

    def test_the_settings_file_of_a_flag_wins_over_the_environments_and_the_default(
        self, work: Path
    ) -> None:
        by_default = write(default_path(), 'theme = "default"')
        by_environment = write(work / "environment.toml", 'theme = "environment"')
        by_flag = write(work / "flag.toml", 'theme = "flag"')
        environ = {"WATCHWORD_CONFIG": str(by_environment)}

        themes = [
            load_settings(Overrides(), {}, work).theme,
            load_settings(Overrides(), environ, work).theme,
            load_settings(Overrides(config=by_flag), environ, work).theme,
        ]

        assert themes == ["default", "environment", "flag"]
        assert load_settings(Overrides(), {}, work).path == by_default


class TestTokens:
    def test_a_token_comes_from_its_file_without_the_line_break(self, work: Path) -> None:
        write(work / "dev.token", f"{TOKEN}\n")

        assert load(work, PROFILES).profile.bearer_token() == TOKEN

    def test_the_environment_wins_over_the_file(self, work: Path) -> None:
        write(work / "dev.token", "ww_other")

        assert load(work, PROFILES, {"WATCHWORD_TOKEN": TOKEN}).profile.bearer_token() == TOKEN

    def test_an_empty_variable_is_none(self, work: Path) -> None:
        write(work / "dev.token", TOKEN)

        assert load(work, PROFILES, {"WATCHWORD_TOKEN": ""}).profile.bearer_token() == TOKEN

    def test_the_environments_token_goes_to_the_server_in_use_only(self, work: Path) -> None:
        settings = load(work, PROFILES, {"WATCHWORD_TOKEN": TOKEN}, server="prod")
        tokens = {profile.name: profile.token for profile in settings.profiles}

        assert tokens == {"dev": None, "prod": TOKEN}

    def test_a_token_file_that_is_not_needed_harms_nobody(self, work: Path) -> None:
        write(work / "dev.token", TOKEN, 0o644)

        assert load(work, PROFILES).server == "dev"
        assert load(work, PROFILES, server="prod").profile.bearer_token() is None
        assert load(work, PROFILES, {"WATCHWORD_TOKEN": TOKEN}).profile.bearer_token() == TOKEN

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
    def test_a_file_that_others_can_read_is_refused_with_the_remedy(self, work: Path, mode: int) -> None:
        path = write(work / "dev.token", TOKEN, mode)
        words = refusal(load(work, PROFILES).profile.bearer_token)

        assert f"(mode {mode:04o})" in words
        assert words.endswith(f"run: chmod 600 {path}")

    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
    def test_a_file_that_only_its_owner_can_read_is_taken(self, work: Path, mode: int) -> None:
        write(work / "dev.token", TOKEN, mode)

        assert load(work, PROFILES).profile.bearer_token() == TOKEN

    @pytest.mark.parametrize(
        "content",
        ["", "\n", f"{TOKEN}\n{TOKEN}\n", f"Bearer {TOKEN}", f"{TOKEN}é", f"{TOKEN}\x1b[31m"],
        ids=["empty", "blank", "two lines", "with a scheme", "not ASCII", "with a control character"],
    )
    def test_a_file_that_holds_no_token_is_refused(self, work: Path, content: str) -> None:
        path = write(work / "dev.token", content)

        assert f"the token file {path} must be one word" in refusal(
            load(work, PROFILES).profile.bearer_token
        )

    def test_a_binary_file_is_refused(self, work: Path) -> None:
        write(work / "dev.token", b"\xff\xfe")

        assert "not UTF-8 text" in refusal(load(work, PROFILES).profile.bearer_token)

    def test_a_missing_file_is_named(self, work: Path) -> None:
        assert f"{work / 'dev.token'}: No such file" in refusal(
            load(work, PROFILES).profile.bearer_token
        )

    def test_a_folder_is_no_token(self, work: Path) -> None:
        (work / "dev.token").mkdir(mode=0o700)

        assert "Is a directory" in refusal(load(work, PROFILES).profile.bearer_token)

    @pytest.mark.parametrize("token", [f"{TOKEN} x", f"{TOKEN}\r\nX-Header: 1", f"{TOKEN}\udcff"])
    def test_a_variable_that_is_no_token_is_refused(self, work: Path, token: str) -> None:
        profile = load(work, PROFILES, {"WATCHWORD_TOKEN": token}).profile

        assert refusal(profile.bearer_token).startswith("the token of dev must be one word")

    def test_a_token_is_in_no_representation(self, work: Path) -> None:
        dotenv = {"TOTP_BASE32_SECRET": SECRET}
        settings = load(work, PROFILES, {"WATCHWORD_TOKEN": TOKEN, **dotenv})

        for shown in (repr(settings), str(settings), repr(settings.profile), f"{settings.profiles}"):
            assert TOKEN not in shown
            assert SECRET not in shown

    def test_a_token_in_the_settings_file_is_refused_and_not_shown(self, work: Path) -> None:
        words = refusal(lambda: load(work, f'{PROFILES}token = "{TOKEN}"'))

        assert "there is no setting 'token'; did you mean 'token_file'?" in words


class TestPrototype:
    """The .env of the prototype, in the working directory."""

    def test_it_works_alone(self, work: Path) -> None:
        write(work / ".env", f'TOTP_BASE32_SECRET="{SECRET}"\nBEARER={TOKEN}\n')
        settings = load_settings(Overrides(), {}, work)

        assert settings.dotenv_secret == SECRET
        assert settings.profile.url == DEFAULT_URL
        assert settings.profile.bearer_token() == TOKEN

    def test_variables_of_the_same_names_win(self, work: Path) -> None:
        write(work / ".env", "TOTP_BASE32_SECRET=MZXW6YTB\nBEARER=ww_other\n")
        settings = load_settings(Overrides(), {"TOTP_BASE32_SECRET": SECRET, "BEARER": TOKEN}, work)

        assert settings.dotenv_secret == SECRET
        assert settings.profile.bearer_token() == TOKEN

    def test_the_variables_work_without_a_file(self, work: Path) -> None:
        settings = load_settings(Overrides(), {"BEARER": TOKEN}, work)

        assert settings.profile.bearer_token() == TOKEN

    def test_its_token_gives_way_to_the_apps_own_variable(self, work: Path) -> None:
        write(work / ".env", "BEARER=ww_other\n")
        settings = load_settings(Overrides(), {"WATCHWORD_TOKEN": TOKEN}, work)

        assert settings.profile.bearer_token() == TOKEN

    def test_its_token_goes_to_no_server_of_a_profile(self, work: Path) -> None:
        write(work / ".env", f"BEARER={TOKEN}\n")

        assert [profile.token for profile in load(work, PROFILES).profiles] == [None, None]

    def test_empty_values_are_none(self, work: Path) -> None:
        write(work / ".env", "TOTP_BASE32_SECRET=\nBEARER=\n")
        settings = load_settings(Overrides(), {}, work)

        assert settings.dotenv_secret is None
        assert settings.profile.bearer_token() is None

    def test_one_that_is_not_text_is_named(self, work: Path) -> None:
        path = write(work / ".env", b"BEARER=\xff\xfe\n")

        assert refusal(lambda: load(work)) == f"cannot read {path}: not UTF-8 text"

    def test_a_folder_of_that_name_is_nobodys_business(self, work: Path) -> None:
        (work / ".env").mkdir()

        assert load(work).dotenv_secret is None


class TestFile:
    def test_a_default_file_that_is_not_there_is_fine(self, work: Path) -> None:
        settings = load_settings(Overrides(), {}, work)

        assert settings.path == default_path()
        assert not default_path().exists()

    def test_a_named_file_that_is_not_there_is_an_error(self, work: Path) -> None:
        missing = work / "missing.toml"

        for flags, environ in (
            (Overrides(config=missing), {}),
            (Overrides(), {"WATCHWORD_CONFIG": str(missing)}),
        ):
            words = refusal(partial(load_settings, flags, environ, work))
            assert words == f"the settings file {missing} is not there"

    @pytest.mark.parametrize(
        ("file", "words"),
        [
            ('serv = "dev"', "there is no setting 'serv'; did you mean 'server'?"),
            ('acounts = ["otp.txt"]', "there is no setting 'acounts'; did you mean 'accounts'?"),
            ("zzz = 1", "there is no setting 'zzz'; known: server, accounts, vault"),
            (
                '[servers.dev]\nurl = "http://127.0.0.1"\ncafile = "ca.pem"',
                "there is no setting 'cafile'; did you mean 'ca_file'?",
            ),
        ],
    )
    def test_an_unknown_setting_is_refused_with_the_nearest_name(
        self, work: Path, file: str, words: str
    ) -> None:
        refused = refusal(lambda: load(work, file))

        assert words in refused
        assert str(work / "config.toml") in refused

    @pytest.mark.parametrize(
        ("file", "words"),
        [
            ('accounts = "otp.txt"', "accounts must be a list of texts in quotes"),
            ("accounts = [1]", "accounts must be a list of texts in quotes"),
            ("server = 1", "server must be text in quotes"),
            ("vault = true", "vault must be text in quotes"),
            ("passphrase_file = []", "passphrase_file must be text in quotes"),
            ("theme = 1", "theme must be text in quotes"),
            ("lock_after = -1", "lock_after must be a whole number from 0 to 86400"),
            ('lock_after = "5"', "lock_after must be a whole number from 0 to 86400"),
            ("clear_after = 3601", "clear_after must be a whole number from 0 to 3600"),
            ('sort = "name"', "sort must be one of: file, issuer, use"),
            ("sort = 1", "sort must be one of: file, issuer, use"),
            ("hide_codes = 1", "hide_codes must be true or false"),
            ('keys = "x"', "keys must be a table of texts in quotes"),
            ("keys.lock = 1", "keys must be a table of texts in quotes"),
            ('servers.dev = "x"', "servers must be tables, each under a name of its own"),
            ("[servers.dev]\n", "url is missing"),
            ("[servers.dev]\nurl = 1", "url must be text in quotes"),
            (
                '[servers.dev]\nurl = "http://[::1]"\nallow_http = "yes"',
                "allow_http must be true or false",
            ),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_refused_with_what_it_must_be(
        self, work: Path, file: str, words: str
    ) -> None:
        refused = refusal(lambda: load(work, file))

        assert f"{work / 'config.toml'}: {words}" in refused
        assert "`" not in refused

    def test_what_is_not_toml_is_refused_with_file_and_line(self, work: Path) -> None:
        words = refusal(lambda: load(work, 'theme = "dark"\nserver dev\n'))

        assert words.startswith(f"{work / 'config.toml'} is not TOML: ")
        assert "line 2" in words

    def test_what_is_not_text_is_refused(self, work: Path) -> None:
        assert refusal(lambda: load(work, b"\xff")).endswith("config.toml: not UTF-8 text")

    def test_a_folder_is_no_settings_file(self, work: Path) -> None:
        assert "Is a directory" in refusal(lambda: load_settings(Overrides(config=work), {}, work))

    def test_an_unknown_profile_is_refused_with_those_there_are(self, work: Path) -> None:
        words = refusal(lambda: load(work, PROFILES, server="production"))

        assert words == (
            "there is no server profile 'production';"
            f" known: dev, prod; add it to {work / 'config.toml'}"
        )

    def test_relative_paths_start_beside_the_file_wherever_one_stands(self, work: Path) -> None:
        write(work / "etc/dev.token", TOKEN)
        config = write(work / "etc/config.toml", 'accounts = ["otp.txt", "/srv/otp.txt"]\n' + PROFILES)
        settings = load_settings(Overrides(config=config), {}, work)

        assert settings.account_files == (work / "etc/otp.txt", Path("/srv/otp.txt"))
        assert settings.profile.bearer_token() == TOKEN

    def test_a_tilde_is_the_home_folder(self, work: Path, home: Path) -> None:
        write(home / "t", TOKEN)
        file = 'accounts = ["~/otp.txt"]\n' + PROFILES.replace("dev.token", "~/t")
        settings = load(work, file.replace('net"', 'net"\nca_file = "~/ca.pem"'))

        assert settings.account_files == (home / "otp.txt",)
        assert settings.profile.bearer_token() == TOKEN
        assert settings.profiles[1].ca_file == home / "ca.pem"

    def test_the_home_of_nobody_is_refused(self, work: Path) -> None:
        words = refusal(lambda: load(work, 'accounts = ["~no-such-user/otp.txt"]'))

        assert "there is no home directory for '~no-such-user/otp.txt'" in words


def with_url(work: Path, url: str, more: str = "") -> ServerProfile:
    """A profile with this URL, from a settings file."""
    return load(work, f"[servers.dev]\nurl = '{url}'\n{more}").profile


class TestUrl:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("https://codes.example.net", "https://codes.example.net"),
            ("https://codes.example.net/", "https://codes.example.net"),
            ("https://codes.example.net:8443/otp/", "https://codes.example.net:8443/otp"),
            ("HTTPS://codes.example.net", "https://codes.example.net"),
            ("https://bücher.example", "https://bücher.example"),
            ("http://127.0.0.1:6238", "http://127.0.0.1:6238"),
            ("http://localhost:6238", "http://localhost:6238"),
            ("http://[::1]:6238", "http://[::1]:6238"),
        ],
    )
    def test_https_and_http_to_this_machine_are_taken(self, work: Path, written: str, kept: str) -> None:
        assert with_url(work, written).url == kept

    @pytest.mark.parametrize(
        "url",
        [
            "http://codes.example.net",
            "HTTP://codes.example.net",
            "http://127.0.0.1.example.net",
            "http://192.168.1.7:6238",
            "http://0.0.0.0:6238",
        ],
    )
    def test_plain_http_to_another_machine_is_refused_unless_allowed(self, work: Path, url: str) -> None:
        words = refusal(lambda: with_url(work, url))

        assert "[servers.dev] in " in words
        assert "in the clear; use https, or set allow_http = true" in words
        assert with_url(work, url, "allow_http = true").url == url.replace("HTTP:", "http:")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "codes.example.net",
            "ftp://codes.example.net",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "https://codes.example.net:99999",
            "https://codes.example.net:x",
            "https://codes.example.net:0",
            "https://[::1",
            "https://codes example.net",
            "https://codes.example.net/\x9b31m",
        ],
    )
    def test_what_is_no_http_url_is_refused(self, work: Path, url: str) -> None:
        words = refusal(lambda: with_url(work, url))

        assert "is not an http or https URL" in words
        assert words.isprintable()

    @pytest.mark.parametrize(
        "url",
        [
            f"https://alice:{TOKEN}@codes.example.net",
            f"https://{TOKEN}@codes.example.net",
            f"https://codes.example.net/?token={TOKEN}",
            f"https://codes.example.net/#{TOKEN}",
            f"ftp://alice:{TOKEN}@codes.example.net",
            f"https://alice:{TOKEN}@codes.example.net:99999",
            f"https://alice:{TOKEN}@[::1",
        ],
    )
    def test_a_url_with_a_password_or_query_is_refused_and_not_shown(self, work: Path, url: str) -> None:
        for settle in (partial(with_url, work, url), partial(load, work, server=url)):
            words = refusal(settle)

            assert "the URL holds more than scheme, host, port and path" in words
            assert "put the token into a file" in words
