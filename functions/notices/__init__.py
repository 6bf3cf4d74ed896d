"""Telling people what happened to their money: mails to users, signed webhooks to owners."""
