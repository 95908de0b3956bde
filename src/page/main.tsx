import { render } from "preact";
import { App } from "./app.js";
import { Feed } from "./feed.js";
import { Store } from "./store.js";

const store = new Store();
const feed = new Feed(store.tell);
const place = document.getElementById("page");
if (place !== null) {
  place.replaceChildren();
  render(<App store={store} onRetry={() => feed.retry()} />, place);
  feed.start();
}
