"""Organisations, the people and keys that act for them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from apps.common.ids import new_id


class TenantModel(models.Model):
    """A row that belongs to one tenant.

    The key is (tenant_id, id), because unique and foreign-key checks see past row-level security: with the tenant in
    every key, no check can tell anything of a foreign row. The migration operation `TenantTable` gives the table its
    policy; a test walks the catalogue for tables that lack it.
    """

    pk = models.CompositePrimaryKey("tenant_id", "id")
    tenant_id = models.UUIDField(editable=False)
    id = models.UUIDField(default=new_id, editable=False)

    class Meta:
        abstract = True


class UserManager(BaseUserManager["User"]):
    """Makes users, who are known by their e-mail address."""

    def create_user(self, *, email: str, password: str | None, name: str = "") -> User:
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person. What they may do is said by their memberships; nobody is above the tenants."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="tenants_user_email_lower_case")
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return False


class Tenant(models.Model):
    """An organisation. Its row is under row-level security too: a tenant doesn't see who else is there."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class Role(models.TextChoices):
    """What a member may do; each includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    REVIEWER = "reviewer", "Reviewer"
    ADMIN = "admin", "Administrator"


class Membership(TenantModel):
    """A person's place in a tenant."""

    user_id = models.UUIDField()
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "user_id"], name="tenants_membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="tenants_membership_role_valid"),
        ]


class ApiKey(TenantModel):
    """A program's key. The secret is shown once; `digest` is its SHA-256, `hint` its first characters.

    Any key sends and reads documents; what models cost and are told is changed by one that `may_administer`.
    """

    name = models.CharField(max_length=200)
    hint = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    may_administer = models.BooleanField(db_default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "digest"], name="tenants_apikey_digest_unique")]
        indexes = [models.Index(fields=["digest"], name="tenants_apikey_digest")]
