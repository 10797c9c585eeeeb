"""What rounding.py, pooling.py and antialiasing.py are made of."""
