def study(*a, **k):
    pass
