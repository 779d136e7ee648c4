import apps.common.ids
from django.db import migrations, models

from apps.tenants.isolation import TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ('results', '0007_current_values'),
    ]

    operations = [
        migrations.CreateModel(
            name='StoredStretch',
            fields=[
                ('pk', models.CompositePrimaryKey('tenant_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=apps.common.ids.new_id, editable=False)),
                ('document_id', models.UUIDField()),
                ('run_id', models.UUIDField()),
                ('first_page', models.IntegerField()),
                ('last_page', models.IntegerField()),
                ('schema_slug', models.CharField(max_length=63)),
                ('schema_version', models.IntegerField()),
                ('values', models.JSONField()),
                ('notes', models.JSONField()),
                ('alternatives', models.JSONField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'run_id', 'first_page'), name='results_stretch_once')],
            },
        ),
        TenantTable("results_storedstretch", references={"document_id": "documents_document"}),
    ]
