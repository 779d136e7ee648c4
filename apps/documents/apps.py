from django.apps import AppConfig
from django.http import multipartparser


class DocumentsConfig(AppConfig):
    name = "apps.documents"
    label = "documents"

    def ready(self) -> None:
        """Let a part of a form have a long head: the name of a file stands in it, in up to 12 bytes a letter.

        Django allows 1024 bytes and has no setting for it. What is too long for a name is cut (names.py).
        """
        setattr(multipartparser, "MAX_TOTAL_HEADER_SIZE", 8192)  # noqa: B010 - not in the stubs
