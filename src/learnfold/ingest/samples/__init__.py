"""What samples of a platform's log say of a mapping, and a first mapping made of them."""
