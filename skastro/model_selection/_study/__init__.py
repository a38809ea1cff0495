"""How `repeated_holdout` works inside: splits, preparation, scores, engines, files."""

__all__: list[str] = []
