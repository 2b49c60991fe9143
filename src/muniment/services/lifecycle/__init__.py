"""Promotion: stages and their policies, requests and their approval, and the past of it."""
