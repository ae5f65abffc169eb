// The first page comes again by itself, in place: whoever reads or tabs through it is left where they are.
const EVERY_MILLISECONDS = 30_000;

async function refresh() {
    const shown = document.querySelector("section.sync");
    if (document.hidden || !shown || shown.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page && page.querySelector("section.sync");
    // Logged out, or nobody answers: the browser says so.
    if (fresh) shown.replaceWith(fresh);
    else location.reload();
}

setInterval(refresh, EVERY_MILLISECONDS);
document.addEventListener("visibilitychange", refresh);
