from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="RemoteId",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=128)),
            ],
        )
    ]
