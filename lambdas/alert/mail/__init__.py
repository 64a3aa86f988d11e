"""A notice in, an e-mail's subject, body and attributes out."""
