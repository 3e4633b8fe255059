"""Where every address leads: the pages live in `dashboards`."""

from django.urls import include, path

urlpatterns = [path("", include("dashboards.urls"))]
