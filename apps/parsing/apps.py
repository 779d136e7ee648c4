from django.apps import AppConfig


class ParsingConfig(AppConfig):
    name = "apps.parsing"
    label = "parsing"
