"""What adversarial_geometry.py is made of."""
