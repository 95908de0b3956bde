/** pino's build for browsers comes without types; what we use of it is the same. */
declare module "pino/browser.js" {
  export { pino } from "pino";
}
