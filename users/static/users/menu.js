// unfold's switches of the menu are spans that only a pointer reaches. With a keyboard they are buttons, too.
document.addEventListener("DOMContentLoaded", () => {
    const label = document.documentElement.lang.startsWith("zh") ? "菜单" : "Menu";
    const switches = [...document.querySelectorAll("[x-on\\:click*=sidebarMobileOpen], [x-on\\:click*=sidebarDesktopOpen]")];
    for (const each of switches) {
        each.setAttribute("role", "button");
        each.setAttribute("tabindex", "0");
        each.setAttribute("aria-label", label);
        each.addEventListener("keydown", (event) => {
            if (event.key !== "Enter" && event.key !== " ") return;
            event.preventDefault();
            each.click();
            // On a narrow screen the other one takes its place.
            setTimeout(() => switches.find((other) => other !== each && other.checkVisibility())?.focus());
        });
    }
});
