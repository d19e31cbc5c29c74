"""All of this room's routes."""

from fastapi import APIRouter

from dashboard.people import account_api, log_api, own_api, pages, sign_in, token_api

router = APIRouter()
for module in (sign_in, pages, own_api, account_api, token_api, log_api):
    router.include_router(module.router)
