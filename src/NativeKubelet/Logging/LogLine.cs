using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Serilog.Events;
using Serilog.Parsing;

namespace NativeKubelet.Logging;

/// <summary>
/// A message as both formats show it. Templates are written for people ("PodStarted pod={Pod}: {Cause}"); whatever has a
/// <c>name=</c> before it is a field of its own, everything else is the sentence.
/// </summary>
/// <param name="Error">What went wrong, on one line where the cause is; null if nothing did.</param>
internal sealed record LogLine(string Category, string Message, string? Error, ImmutableArray<(string Name, LogEventPropertyValue Value)> Fields)
{
    /// <summary>Faults that name object and cause themselves; the type of any other says more than its message.</summary>
    private static bool SpeaksForItself(Exception e) => e is IOException or UnauthorizedAccessException or OperationCanceledException or TimeoutException or Config.ConfigException;

    public static LogLine Of(LogEvent entry)
    {
        StringBuilder message = new();
        ImmutableArray<(string, LogEventPropertyValue)>.Builder fields = ImmutableArray.CreateBuilder<(string, LogEventPropertyValue)>();
        MessageTemplateToken[] tokens = [.. entry.MessageTemplate.Tokens];
        for (int i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] is not PropertyToken hole)
            {
                message.Append(((TextToken)tokens[i]).Text);
                continue;
            }
            if (!entry.Properties.TryGetValue(hole.PropertyName, out LogEventPropertyValue? value))
            {
                message.Append(hole);
                continue;
            }
            string after = i + 1 < tokens.Length && tokens[i + 1] is TextToken text ? text.Text : "";
            if (FieldName(message) is { } name && (after.Length == 0 || after[0] is ' ' or ':' or ';' or ',' or ')'))
            {
                message.Length -= name.Length + 1;
                while (message.Length > 0 && message[^1] == ' ') message.Length--;
                fields.Add((name, value));
            }
            else message.Append(Text(value, hole.Format));
        }
        return new(CategoryOf(entry), message.ToString().Trim(), ErrorOf(entry.Exception), fields.ToImmutable());
    }

    /// <summary>The type's name without its room: what a file name is to klog.</summary>
    public static string CategoryOf(LogEvent entry)
    {
        if (!entry.Properties.TryGetValue("SourceContext", out LogEventPropertyValue? value) || value is not ScalarValue { Value: string name }) return "NativeKubelet";
        return name[(name.LastIndexOf('.') + 1)..];
    }

    public static string Text(LogEventPropertyValue value, string? format = null) => value switch
    {
        ScalarValue { Value: null } => "<nil>",
        ScalarValue { Value: string text } => text,
        ScalarValue { Value: IFormattable number } => number.ToString(format, CultureInfo.InvariantCulture),
        ScalarValue { Value: { } other } => other.ToString() ?? "",
        SequenceValue list => $"[{string.Join(" ", list.Elements.Select(e => Text(e)))}]",
        _ => value.ToString(),
    };

    private static string? ErrorOf(Exception? fault)
    {
        if (fault is null) return null;
        StringBuilder text = new();
        for (Exception? e = fault; e is not null; e = e.InnerException)
        {
            string message = SpeaksForItself(e) ? e.Message : $"{e.GetType().Name}: {e.Message}";
            if (text.Length > 0 && text.ToString().Contains(e.Message, StringComparison.Ordinal)) continue;
            text.Append(text.Length > 0 ? ": " : "").Append(message);
        }
        if (!SpeaksForItself(fault) && fault.StackTrace is { Length: > 0 } stack) text.Append('\n').Append(stack);
        return text.ToString();
    }

    /// <returns>The word before an equals sign with which the text so far ends; null where there is none.</returns>
    private static string? FieldName(StringBuilder text)
    {
        if (text.Length < 2 || text[^1] != '=') return null;
        int start = text.Length - 1;
        while (start > 0 && (char.IsAsciiLetterOrDigit(text[start - 1]) || text[start - 1] is '_' or '-')) start--;
        bool wholeWord = start == 0 || text[start - 1] == ' ';
        return wholeWord && start < text.Length - 1 ? text.ToString(start, text.Length - 1 - start) : null;
    }
}
