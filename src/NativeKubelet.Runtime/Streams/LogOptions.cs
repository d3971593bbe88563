namespace NativeKubelet.Runtime.Streams;

/// <param name="Follow">Go on until the writer has ended.</param>
/// <param name="Tail">At most so many lines from the end; null: all of them.</param>
/// <param name="Since">Lines written before are left out.</param>
/// <param name="Timestamps">Each line begins with the time it was written at.</param>
/// <param name="Rotated">Begin with the oldest rotated file; otherwise with the current one (what the kubelet's API serves).</param>
public sealed record LogOptions(bool Follow = false, long? Tail = null, DateTimeOffset? Since = null, bool Timestamps = false, bool Rotated = true)
{
    /// <summary>So many bytes and no more, in the middle of a line if need be; null: no limit.</summary>
    public long? Limit { get; init; }

    /// <summary>True: only what went to stderr; false: only what went to stdout; null: both.</summary>
    public bool? OnlyErrors { get; init; }
}
