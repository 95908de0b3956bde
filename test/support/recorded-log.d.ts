import type { Fields, Log } from "../../src/base/log.js";
export interface LogLine {
    readonly level: keyof Log;
    readonly message: string;
    readonly fields: Fields;
}
/** A log that keeps everything, for tests to look at. */
export declare class RecordedLog implements Log {
    readonly lines: LogLine[];
    trace(fields: Fields, message: string): void;
    debug(fields: Fields, message: string): void;
    info(fields: Fields, message: string): void;
    warn(fields: Fields, message: string): void;
    error(fields: Fields, message: string): void;
    /** The messages of one level, in order. */
    at(level: keyof Log): string[];
}
