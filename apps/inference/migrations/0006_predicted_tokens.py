from django.db import migrations, models


class Migration(migrations.Migration):
    """What a prompt was counted to hold, beside what the server counts. No row is rewritten."""

    dependencies = [
        ("inference", "0005_adapters"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelcall",
            name="predicted_tokens",
            field=models.IntegerField(null=True),
        ),
    ]
