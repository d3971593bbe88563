namespace NativeKubelet.Core.Containers;

/// <summary>
/// A file of variables that an init container left: lines of <c>NAME='value'</c>. Quotes are demanded, nothing in them is
/// special, and they may span lines. Comments, blank lines and blanks before a name pass.
/// </summary>
public static class EnvFile
{
    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>What the first line that sets <paramref name="key"/> says; lines behind it are not looked at.</summary>
    /// <returns>Null when no line sets it.</returns>
    /// <exception cref="FormatException">With the line's number.</exception>
    public static string? Find(string text, string key)
    {
        int at = 0, line = 0;
        while (at < text.Length)
        {
            line++;
            int end = EndOfLine(text, at);
            ReadOnlySpan<char> content = text.AsSpan(at, end - at).TrimEnd('\r').TrimStart(Blanks);
            int start = at;
            at = end + 1;
            if (content.IsEmpty || content[0] == '#') continue;

            int equals = content.IndexOf('=');
            if (equals < 0) throw Fault(line, "missing '='");
            ReadOnlySpan<char> name = content[..equals], value = content[(equals + 1)..];
            if (name.TrimEnd(Blanks).IsEmpty) throw Fault(line, "empty variable name");
            if (name.TrimEnd(Blanks).Length != name.Length) throw Fault(line, "whitespace before '=' is not allowed");
            bool wanted = name.SequenceEqual(key);
            if (!value.IsEmpty && Blanks.Contains(value[0]))
            {
                // As a shell reads it: an empty value, and a command that nobody runs.
                if (wanted) return "";
                continue;
            }
            if (value.IsEmpty || value[0] != '\'') throw Fault(line, "value must be enclosed in single quotes");

            int open = text.IndexOf('\'', text.IndexOf('=', start)) + 1;
            int close = text.IndexOf('\'', open);
            if (close < 0) throw Fault(line, "unclosed single quote");
            line += text.AsSpan(open, close - open).Count('\n');
            end = EndOfLine(text, close);
            ReadOnlySpan<char> rest = text.AsSpan(close + 1, end - close - 1).TrimEnd('\r').TrimStart(Blanks);
            if (!rest.IsEmpty && rest[0] != '#') throw Fault(line, "unexpected content after closing quote");
            if (wanted) return text[open..close].Replace("\r\n", "\n", StringComparison.Ordinal);
            at = end + 1;
        }
        return null;
    }

    private static int EndOfLine(string text, int from) => text.IndexOf('\n', from) is var end and >= 0 ? end : text.Length;

    private static FormatException Fault(int line, string what) => new($"invalid environment variable format at line {line}: {what}");
}
