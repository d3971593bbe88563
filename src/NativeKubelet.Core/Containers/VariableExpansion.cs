using System.Text;

namespace NativeKubelet.Core.Containers;

/// <summary>Kubernetes' <c>$(NAME)</c> references in command, args and env (spec 32 §3.1).</summary>
public static class VariableExpansion
{
    /// <summary>
    /// Replaces <c>$(NAME)</c> by what <paramref name="lookup"/> answers, once. Unknown names, an unclosed reference, <c>$x</c> and
    /// a trailing <c>$</c> stay as they are; <c>$$</c> becomes <c>$</c>.
    /// </summary>
    public static string Expand(string text, Func<string, string?> lookup)
    {
        int dollar = text.IndexOf('$', StringComparison.Ordinal);
        if (dollar < 0) return text;

        StringBuilder result = new(text.Length);
        int at = 0;
        while (dollar >= 0 && dollar + 1 < text.Length)
        {
            result.Append(text, at, dollar - at);
            at = dollar + 2;
            switch (text[dollar + 1])
            {
                case '$':
                    result.Append('$');
                    break;
                case '(' when text.IndexOf(')', at) is var close and >= 0:
                    string name = text[at..close];
                    result.Append(lookup(name) ?? $"$({name})");
                    at = close + 1;
                    break;
                default:
                    result.Append('$');
                    at = dollar + 1;
                    break;
            }
            dollar = text.IndexOf('$', at);
        }
        return result.Append(text, at, text.Length - at).ToString();
    }
}
