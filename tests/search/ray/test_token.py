"""Tokens of local Rays, their owners and their end."""

import tempfile

from tune_asr.search.ray.token import remove_own_token, token_path, use_own_token
from tune_asr.storage.locks import is_locked, lock


def test_tokens_of_dead_searches_are_removed(monkeypatch, tmp_path):
    """Tokens of running searches stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    living, dead = (tmp_path / f"tune_asr-ray-{name}" for name in ("living", "dead"))
    for folder in (living, dead):
        folder.mkdir()
        (folder / "token").write_text("secret")
        (folder / "owner").touch()
    with lock(living / "owner"):
        use_own_token()
    own = token_path().parent
    assert set(tmp_path.iterdir()) == {living, own}
    assert is_locked(own / "owner")  # so that other searches leave it
    remove_own_token()
    assert set(tmp_path.iterdir()) == {living}
