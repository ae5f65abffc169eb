// The first page comes again by itself, in place: whoever reads or tabs through it is left where they are.
const EVERY_MILLISECONDS = 30_000;

async function refresh() {
    const shown = document.querySelector("section.sync");
    if (document.hidden || !shown || shown.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page && page.querySelector("section.sync");
    // While it restarts, say so and ask again: an error page of the browser's would stay.
    const silent = !answer || answer.status >= 500;
    document.getElementById("server-silent").hidden = !silent;
    if (fresh) shown.replaceWith(fresh);
    else if (!silent) location.reload(); // logged out
}

setInterval(refresh, EVERY_MILLISECONDS);
document.addEventListener("visibilitychange", refresh);
