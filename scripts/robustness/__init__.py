"""Parts of scripts/spatial_robustness.py."""
