"use strict";
// What makes the page handier. Without it everything works too: times are said in words, and the key and
// the recovery codes are text. It asks nobody for anything, and makes no markup of any text.
(() => {
  const find = (id) => document.getElementById(id);
  const said = find("said");
  const form = document.querySelector("form");
  const field = find("code");

  // By a clock that only goes forward: the device's own may be wrong, which is how codes go wrong.
  const countDown = (seconds, tell, end) => {
    const until = performance.now() + seconds * 1000;
    const tick = () => {
      const left = until - performance.now();
      if (left <= 0) {
        end();
        return;
      }
      tell(Math.ceil(left / 1000));
      setTimeout(tick, left % 1000 || 1000);
    };
    tick();
  };

  const asClock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

  // Shows the seconds that are left; speaks only when it begins to matter, for people who listen.
  const SPOKEN = new Map([[300, "5 minutes left"], [60, "1 minute left"]]);
  const until = find("until");
  if (until) {
    const left = find("left");
    left.hidden = false;
    countDown(
      Number(until.dataset.seconds),
      (seconds) => {
        left.textContent = ` · ${asClock(seconds)} left`;
        if (SPOKEN.has(seconds)) said.textContent = `${SPOKEN.get(seconds)} to open this link.`;
      },
      () => {
        const hadFocus = form.contains(document.activeElement);
        until.hidden = true;
        find("over").hidden = false;
        // No form that leads nowhere; and nobody is to read a secret off a screen that was left alone.
        for (const part of document.querySelectorAll("section, figure")) part.remove();
        if (hadFocus) find("over").focus();
      },
    );
  }

  // While no code would be taken none is sent. The field stays, so that nobody loses their place.
  const wait = find("wait");
  let waits = Boolean(wait);
  if (wait) {
    const button = form.querySelector("button");
    button.setAttribute("aria-disabled", "true");
    countDown(
      Number(wait.dataset.seconds),
      (seconds) => {
        wait.textContent = `Wait ${asClock(seconds)}, then try again.`;
      },
      () => {
        waits = false;
        button.removeAttribute("aria-disabled");
        wait.textContent = "Now you can try again.";
        said.textContent = wait.textContent;
      },
    );
  }

  if (form) {
    // Sent twice, by a double tap, the second answer would hide the recovery codes of the first.
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (waits) said.textContent = wait.textContent;
      if (waits || sent) event.preventDefault();
      else sent = true;
    });
    addEventListener("pageshow", () => {
      sent = false;
    });

    // Only what a code can hold: no spaces of a copied "123 456", and digits of any keyboard as ASCII.
    const isNumeric = field.inputMode === "numeric";
    const cleaned = (text) => {
      const plain = text
        .normalize("NFKC")
        .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));
      return isNumeric ? plain.replace(/[^0-9]/g, "") : plain.toUpperCase().replace(/[^0-9A-Z]/g, "");
    };
    field.addEventListener("input", (event) => {
      if (event.isComposing) return;
      const value = cleaned(field.value).slice(0, Number(field.dataset.length));
      if (value === field.value) return;
      const place = cleaned(field.value.slice(0, field.selectionStart)).length;
      field.value = value;
      field.setSelectionRange(place, place);
    });
  }

  // Where a page may not write to the clipboard, as without TLS, the old way: select, and copy that.
  const copy = async (text, source) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      getSelection().selectAllChildren(source);
      const put = (event) => {
        event.clipboardData.setData("text/plain", text);
        event.preventDefault();
      };
      document.addEventListener("copy", put);
      const isCopied = document.execCommand("copy");
      document.removeEventListener("copy", put);
      return isCopied;
    }
  };
  const copier = find("copy");
  if (copier) {
    const words = copier.textContent;
    const source = find(copier.dataset.copies);
    const lines = [...source.querySelectorAll("li")];
    copier.hidden = false;
    copier.addEventListener("click", async () => {
      const text = lines.length
        ? lines.map((line) => line.textContent.trim()).join("\n")
        : source.textContent.replace(/\s/g, "");
      const isCopied = await copy(text, source);
      said.textContent = isCopied ? "Copied" : "Not copied: it is selected now, copy it yourself.";
      copier.textContent = isCopied ? "Copied" : "Selected";
      setTimeout(() => {
        copier.textContent = words;
        said.textContent = "";
      }, 4000);
    });
  }

  // Browsers inside of apps cannot print.
  const printer = find("print");
  if (printer && "print" in window) {
    printer.hidden = false;
    printer.addEventListener("click", () => print());
  }
})();
