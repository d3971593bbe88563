using System.Globalization;
using System.Text;
using Serilog.Events;
using Serilog.Formatting;

namespace NativeKubelet.Logging;

/// <summary>
/// klog's text: <c>I1124 15:04:05.123456    4711 PodWorker] "PodStarted" pod="default/web"</c>, in local time. Where klog
/// has file and line, which compiled messages do not know, stands the category.
/// </summary>
internal sealed class KlogFormat(TimeProvider time, int pid) : ITextFormatter
{
    public void Format(LogEvent logEvent, TextWriter output)
    {
        LogLine line = LogLine.Of(logEvent);
        char severity = logEvent.Level switch
        {
            LogEventLevel.Fatal => 'F',
            LogEventLevel.Error => 'E',
            LogEventLevel.Warning => 'W',
            _ => 'I',
        };
        output.Write(severity);
        output.Write(time.GetLocalNow().ToString("MMdd HH:mm:ss.ffffff", CultureInfo.InvariantCulture));
        output.Write(string.Create(CultureInfo.InvariantCulture, $" {pid,7} {line.Category}] {Quote(line.Message)}"));
        if (line.Error is { } error) Field(output, "err", error);
        foreach ((string name, LogEventPropertyValue value) in line.Fields)
            if (value is ScalarValue { Value: bool or byte or short or ushort or int or uint or long or ulong or float or double }) output.Write($" {name}={Plain(value)}");
            else Field(output, name, LogLine.Text(value));
        output.Write('\n');
    }

    /// <summary>A value of several lines stands as it is, indented, so that people can read it and no line passes for another message.</summary>
    private static void Field(TextWriter output, string name, string value)
    {
        if (!value.Contains('\n'))
        {
            output.Write($" {name}={Quote(value)}");
            return;
        }
        output.Write($" {name}=<\n");
        foreach (string part in value.TrimEnd('\n').Split('\n')) output.Write($"\t{Escape(part)}\n");
        output.Write(" >");
    }

    /// <summary>As Go's strconv.Quote: what came from outside can neither end the line nor move a terminal's cursor.</summary>
    internal static string Quote(string text) => $"\"{Escape(text, quoted: true)}\"";

    private static string Plain(LogEventPropertyValue value) => LogLine.Text(value) is var text && text is "True" or "False" ? text.ToLowerInvariant() : text;

    private static string Escape(string text, bool quoted = false)
    {
        StringBuilder? result = null;
        int done = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
                continue;
            }
            string? escaped = c switch
            {
                '"' when quoted => "\\\"",
                '\\' when quoted => "\\\\",
                '\n' => "\\n",
                '\t' => quoted ? "\\t" : null,
                '\r' => "\\r",
                < ' ' or '\x7f' => $"\\x{(int)c:x2}",
                _ => Unprintable(c) ? $"\\u{(int)c:x4}" : null,
            };
            if (escaped is null) continue;
            (result ??= new()).Append(text, done, i - done).Append(escaped);
            done = i + 1;
        }
        return result is null ? text : result.Append(text, done, text.Length - done).ToString();
    }

    private static bool Unprintable(char c) => char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
