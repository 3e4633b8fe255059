"""Event names and their shares, in per cent of the track calls (or page calls) of a flow.

Invented, with the nouns of a documentation product.
"""

from __future__ import annotations

APPLICATION_EVENTS = {
    "page_edited": 21,
    "block_inserted": 13.5,
    "space_opened": 12,
    "page_opened": 11,
    "search_performed": 6.5,
    "change_request_opened": 5.5,
    "editor_session_started": 5,
    "comment_added": 3.2,
    "page_created": 3,
    "change_request_created": 2.6,
    "ai_prompt_submitted": 2.5,
    "change_request_reviewed": 1.9,
    "change_request_merged": 1.8,
    "share_menu_opened": 1.5,
    "site_insights_viewed": 1.4,
    "notification_clicked": 1.3,
    "site_customization_saved": 1.1,
    "git_sync_triggered": 1,
    "file_uploaded": 0.9,
    "site_published": 0.7,
    "integration_settings_viewed": 0.5,
    "openapi_spec_added": 0.4,
    "member_invited": 0.4,
    "space_created": 0.4,
    "upgrade_modal_viewed": 0.35,
    "site_created": 0.2,
    "integration_installed": 0.14,
    "custom_domain_connected": 0.1,
    "checkout_started": 0.06,
    "trial_started": 0.05,
}
BACKEND_EVENTS = {
    "git_sync_completed": 22,
    "revision_created": 19,
    "notification_sent": 15,
    "ai_answer_generated": 11,
    "site_build_completed": 9,
    "webhook_delivered": 7,
    "search_index_updated": 5.5,
    "change_request_merged": 3.2,
    "import_completed": 2.1,
    "translation_completed": 1.4,
    "member_added": 1.2,
    "user_logged_in": 1,
    "export_completed": 0.6,
    "seat_added": 0.5,
    "user_signed_up": 0.5,
    "invoice_paid": 0.3,
    "subscription_updated": 0.3,
    "trial_expired": 0.2,
    "payment_failed": 0.1,
    "organization_created": 0.1,
}
MAIL_EVENTS = {
    "Email Delivered": 34,
    "Email Sent": 34,
    "Email Bounced": 1.2,
}
MAIL_REACTIONS = {
    "Email Opened": 25,
    "Email Link Clicked": 4,
    "Email Converted": 1.1,
    "Email Unsubscribed": 0.6,
    "Email Marked as Spam": 0.1,
}
CLOUD_FUNCTION_EVENTS = {"docs_index_ready": 60, "pdf_export_ready": 25, "slack_unfurl_served": 15}
REGISTRATIONS = {"Webinar Registered": 95, "Webinar Replay Watched": 5}
SESSION_RESULTS = {"Webinar Attended": 44, "Webinar Missed": 55, "Webinar Session Ended": 1}
PUBLIC_PAGES = {
    "Blog": 31,
    "Home": 22,
    "Pricing": 14,
    "Solutions": 9,
    "Customers": 8,
    "Product": 7,
    "Integrations": 4,
    "Changelog": 3,
    "About": 2,
}
