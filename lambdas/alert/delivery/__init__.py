"""Publishes each waiting message once, within the e-mail budget or as part of a digest."""
