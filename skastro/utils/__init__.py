"""What every floor of the house uses: validation, threads, downloads, discovery."""

from skastro.utils._validation import check_finite, check_image_shape, check_images

__all__ = ["check_finite", "check_image_shape", "check_images"]
