// A record's card has its target asked what it holds, and comes again by itself, in its place: often while the record moves.
const MOVING_MILLISECONDS = 2_000;
const RESTING_MILLISECONDS = 30_000;
const MOST_IN_A_ROW = 30;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function fetched(address) {
    const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-sync-card]");
}

// What it says, but for what is another at each look: how long ago it all was, and the forms' tokens.
function said(card) {
    const copy = card.cloneNode(true);
    for (const time of copy.querySelectorAll("time")) time.textContent = "";
    for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
    return copy.textContent;
}

async function follow(card) {
    const address = card.dataset.syncCard;
    const mayAsk = "syncAsks" in card.dataset;
    let unasked = "syncAsked" in card.dataset ? null : said(card);
    let inARow = 0;

    // Whoever reads, tabs or decides is left where they are.
    const isInUse = () => card.contains(document.activeElement) || card.querySelector("details[open]") !== null;
    const replace = (fresh) => {
        card.replaceWith(fresh);
        card = fresh;
    };
    const ask = async (isWanted) => {
        card.setAttribute("aria-busy", "true");
        const fresh = await fetched(`${address}?ask=1`);
        card.removeAttribute("aria-busy");
        if (!fresh || (isInUse() && !isWanted)) return;
        replace(fresh);
        if (isWanted) card.querySelector("[data-sync-ask]").focus();
    };
    const refresh = async () => {
        const fresh = await fetched(address);
        if (!fresh || isInUse()) return;
        const now = said(fresh);
        if (unasked !== null && now !== unasked) {
            replace(fresh);
            inARow = 0;
            if (mayAsk && !("syncMoving" in card.dataset)) await ask(false);
        } else {
            // All is as it was, and what the target was found to hold stays: only time has gone by.
            const times = fresh.querySelectorAll("time");
            card.querySelectorAll("time").forEach((time, at) => {
                if (times[at]?.dateTime === time.dateTime) time.textContent = times[at].textContent;
            });
        }
        unasked = now;
    };

    document.addEventListener("click", (event) => {
        const link = event.target.closest?.("[data-sync-ask]");
        if (!mayAsk || !link || !card.contains(link)) return;
        event.preventDefault();
        ask(true);
    });
    if (mayAsk && unasked !== null) await ask(false);
    for (;;) {
        const isMoving = "syncMoving" in card.dataset && inARow < MOST_IN_A_ROW;
        inARow += 1;
        await pause(isMoving ? MOVING_MILLISECONDS : RESTING_MILLISECONDS);
        if (!document.hidden) await refresh();
    }
}

for (const card of document.querySelectorAll("[data-sync-card]")) follow(card);
