using System.Text;

namespace NativeKubelet.Core.Logs;

/// <summary>
/// One record of a container's log file: <c>TIME STREAM TAG CONTENT</c> (the CRI log format, spec 32 §15.2). Content is raw bytes.
/// </summary>
public readonly ref struct CriLogLine
{
    private CriLogLine(ReadOnlySpan<byte> time, bool error, bool partial, ReadOnlySpan<byte> content)
    {
        Time = time;
        IsError = error;
        IsPartial = partial;
        Content = content;
    }

    /// <summary>RFC 3339 with any number of fraction digits, as written.</summary>
    public ReadOnlySpan<byte> Time { get; }

    public bool IsError { get; }

    /// <summary>The line goes on in the next record of the same stream.</summary>
    public bool IsPartial { get; }

    public ReadOnlySpan<byte> Content { get; }

    /// <param name="record">Without its newline.</param>
    /// <returns>False for what is no record: a file cut short by a crash is read past such places.</returns>
    public static bool TryParse(ReadOnlySpan<byte> record, out CriLogLine line)
    {
        line = default;
        int first = record.IndexOf((byte)' ');
        if (first < 20) return false;
        ReadOnlySpan<byte> rest = record[(first + 1)..];
        int second = rest.IndexOf((byte)' ');
        if (second < 0) return false;
        ReadOnlySpan<byte> stream = rest[..second];
        bool error = stream.SequenceEqual("stderr"u8);
        if (!error && !stream.SequenceEqual("stdout"u8)) return false;
        rest = rest[(second + 1)..];
        int third = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> tags = third < 0 ? rest : rest[..third];
        int colon = tags.IndexOf((byte)':');
        ReadOnlySpan<byte> tag = colon < 0 ? tags : tags[..colon];
        if (tag is not [(byte)'F' or (byte)'P']) return false;
        line = new CriLogLine(record[..first], error, tag[0] == (byte)'P', third < 0 ? default : rest[(third + 1)..]);
        return true;
    }

    /// <returns>Null when the time is none.</returns>
    public DateTimeOffset? ParseTime() =>
        Time.Length <= 40 && DateTimeOffset.TryParse(Encoding.ASCII.GetString(Time), null, System.Globalization.DateTimeStyles.AssumeUniversal, out DateTimeOffset at) ? at : null;
}
