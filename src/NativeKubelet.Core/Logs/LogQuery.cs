using System.Globalization;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Core.Logs;

/// <summary>What a client wants to see of a container's log: v1.PodLogOptions as the kubelet reads it off a query (spec 20 §11).</summary>
/// <param name="Tail">Only so many lines from the end; null: all.</param>
/// <param name="Limit">At most so many bytes; null: no limit.</param>
/// <param name="Stream">Stdout or Stderr; null: both.</param>
public sealed record LogQuery(bool Follow, bool Previous, bool Timestamps, DateTimeOffset? SinceTime, long? SinceSeconds, long? Tail, long? Limit, string? Stream)
{
    private const string All = "All", Stdout = "Stdout", Stderr = "Stderr";

    /// <param name="first">The first value of a name; null where it is not given.</param>
    /// <param name="splitStreams">The gate PodLogsQuerySplitStreams.</param>
    /// <exception cref="RefusedException">In the original's words.</exception>
    public static LogQuery Parse(Func<string, string?> first, bool splitStreams)
    {
        string? tail = first("tail") is { Length: > 0 } old ? (old == "all" ? null : old) : first("tailLines");
        LogQuery query = new(
            Flag(first("follow")), Flag(first("previous")), Flag(first("timestamps")), Time(first("sinceTime")), Number(first("sinceSeconds")), Number(tail),
            Number(first("limitBytes")), first("stream"));
        if (query.Tail < 0 || query.Limit < 1 || query.SinceSeconds < 1 || query is { SinceTime: not null, SinceSeconds: not null }
            || query is { Stream: Stdout or Stderr, Tail: not null } || query.Stream is not (null or All or Stdout or Stderr))
            throw new RefusedException(422, "{\"message\": \"Invalid request.\"}");
        if (query.Stream is not (null or All) && !splitStreams)
            throw new RefusedException(400, $"unable to return the given log stream: \"{query.Stream}\". Please enable PodLogsQuerySplitStreams feature gate in kubelet");
        return query.Stream == All ? query with { Stream = null } : query;
    }

    public DateTimeOffset? Since(DateTimeOffset now) => SinceTime ?? (SinceSeconds is { } seconds ? Before(now, seconds) : null);

    /// <summary>An age beyond the calendar's beginning asks for everything.</summary>
    private static DateTimeOffset? Before(DateTimeOffset now, long seconds) =>
        seconds < (now - DateTimeOffset.UnixEpoch).TotalSeconds ? now - TimeSpan.FromSeconds(seconds) : null;

    /// <summary>As Kubernetes reads flags of a query: a name alone is a yes.</summary>
    private static bool Flag(string? text) => text is not null && text != "0" && !text.Equals("false", StringComparison.OrdinalIgnoreCase);

    private static long? Number(string? text) => text is null ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : throw Undecodable();

    private static DateTimeOffset? Time(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        return text.Length is >= 20 and <= 40 && text[10] is 'T' or 't' && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time : throw Undecodable();
    }

    private static RefusedException Undecodable() => new(400, "{\"message\": \"Unable to decode query.\"}");
}
