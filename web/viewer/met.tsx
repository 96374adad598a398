// What the customer met that the stage cannot show: a file, a site outside the list, a wall.

import { Ban, Download, FileText, Image, KeyRound, ShieldQuestion, TriangleAlert, X } from "lucide";
import { useEffect } from "preact/hooks";
import { Meeting } from "../../injected/protocol/messages";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import type { MetNotice } from "./viewer";

const WORDS: Record<Meeting, readonly [icon: typeof Ban, title: Key, text: Key]> = {
  [Meeting.NotAllowed]: [Ban, "viewer.met_not_allowed", "viewer.met_not_allowed_more"],
  [Meeting.Failed]: [TriangleAlert, "viewer.met_failed", "viewer.met_failed_more"],
  [Meeting.Pdf]: [FileText, "viewer.met_pdf", "viewer.met_pdf_more"],
  [Meeting.Image]: [Image, "viewer.met_image", "viewer.met_image_more"],
  [Meeting.Download]: [Download, "viewer.met_download", "viewer.met_download_more"],
  [Meeting.Document]: [FileText, "viewer.met_document", "viewer.met_document_more"],
  [Meeting.BotWall]: [ShieldQuestion, "viewer.met_wall", "viewer.met_wall_more"],
  [Meeting.SignIn]: [KeyRound, "viewer.met_sign_in", "viewer.met_sign_in_more"],
};

/** A download changes nothing on the page: the word of it goes by itself. */
const PASSING = 10_000;

export function MetBanner({ notice, dismiss }: { notice: MetNotice; dismiss(): void }) {
  useEffect(() => {
    if (notice.what !== Meeting.Download) return;
    const timer = setTimeout(dismiss, PASSING);
    return () => clearTimeout(timer);
  }, [notice]);
  const words = WORDS[notice.what];
  if (!words) return null;
  const [icon, title, text] = words;
  return (
    <div class="met" role="status">
      <Icon of={icon} size={22} />
      <div>
        <strong>{t(title)}</strong>
        <p>{t(text, { site: notice.site })}</p>
      </div>
      <button
        type="button"
        class="button quiet small square"
        aria-label={t("viewer.dismiss")}
        onClick={dismiss}
      >
        <Icon of={X} size={18} />
      </button>
    </div>
  );
}
