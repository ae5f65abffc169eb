from django.db import models


class RemoteId(models.Model):
    """Who is who at the third party. Apart from the user only because the user's table is not ours to alter."""

    user_id = models.BigIntegerField(primary_key=True)
    value = models.CharField(max_length=128)

    def __str__(self) -> str:
        return self.value
