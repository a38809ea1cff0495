"""A hint to the C allocator."""

from __future__ import annotations

import functools

import torch

# glibc raises its thresholds up to blocks of 32 MiB; this is just below.
_BLOCK_BYTES = 33_000_000


@functools.cache
def keep_freed_memory() -> None:
    """Let the C allocator keep memory between training steps.

    A step of a convolutional net frees tens of megabytes and asks for the same again
    in the next one. glibc gives such blocks back to the system at once, and every
    page is faulted in anew: up to a fifth of a step. Its rule is that a large block,
    once freed, raises the size from which it does so; hence one block is taken and
    freed here, untouched. Other allocators do not mind.
    """
    torch.empty(_BLOCK_BYTES, dtype=torch.uint8)
