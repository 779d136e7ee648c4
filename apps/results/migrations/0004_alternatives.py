from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("results", "0003_keys_last")]

    operations = [
        migrations.AddField(
            model_name="result",
            name="alternatives",
            field=models.JSONField(db_default=[], default=list),
        ),
    ]
