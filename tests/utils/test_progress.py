"""A quiet bar takes no lock."""

import tqdm.auto

from skastro.utils._progress import NoBar, progress_bar


def test_without_a_bar_tqdm_is_not_called(monkeypatch) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("tqdm was called")

    monkeypatch.setattr(tqdm.auto.tqdm, "__new__", refuse)
    with progress_bar(verbose=0, total=3, desc="quiet") as bar:
        bar.update()
        bar.update(2)
    assert isinstance(bar, NoBar)
    assert list(progress_bar(range(3), verbose=False)) == [0, 1, 2]


def test_with_a_bar_it_is_tqdm(capsys) -> None:
    assert list(progress_bar(range(3), verbose=1, desc="shown")) == [0, 1, 2]
    assert "shown" in capsys.readouterr().err
