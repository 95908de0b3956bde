/** A log that keeps everything, for tests to look at. */
export class RecordedLog {
    lines = [];
    trace(fields, message) {
        this.lines.push({ level: "trace", message, fields });
    }
    debug(fields, message) {
        this.lines.push({ level: "debug", message, fields });
    }
    info(fields, message) {
        this.lines.push({ level: "info", message, fields });
    }
    warn(fields, message) {
        this.lines.push({ level: "warn", message, fields });
    }
    error(fields, message) {
        this.lines.push({ level: "error", message, fields });
    }
    /** The messages of one level, in order. */
    at(level) {
        return this.lines.filter((line) => line.level === level).map((line) => line.message);
    }
}
//# sourceMappingURL=recorded-log.js.map