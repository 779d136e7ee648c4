import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a stopped attempt had done and stored, so that the next one does not pay for it again."""

    dependencies = [
        ('pipeline', '0002_isolation'),
    ]

    operations = [
        migrations.AddField(
            model_name='stagerun',
            name='progress',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=63), db_default=[], size=None),
        ),
    ]
