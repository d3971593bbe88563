using System.Collections.Immutable;
using System.Text;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>One way in which a registry wants to be asked again (RFC 9110, 11.6.1).</summary>
/// <param name="Scheme">In lower case: "bearer", "basic".</param>
/// <param name="Parameters">Names in lower case; the first of a name counts.</param>
public sealed record AuthChallenge(string Scheme, ImmutableDictionary<string, string> Parameters)
{
    private const int LongestHeader = 16 * 1024;

    /// <summary>Reads the values of WWW-Authenticate headers. What makes no sense is left out, and never throws.</summary>
    public static ImmutableArray<AuthChallenge> Parse(IEnumerable<string> headers)
    {
        ImmutableArray<AuthChallenge>.Builder challenges = ImmutableArray.CreateBuilder<AuthChallenge>();
        foreach (string header in headers)
            if (header.Length <= LongestHeader) new Reader(header).ReadInto(challenges);
        return challenges.ToImmutable();
    }

    public string? this[string name] => Parameters.GetValueOrDefault(name);

    private ref struct Reader(ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;
        private int _at;

        // "a, b c=d, e="f, g"": a comma parts both challenges and their parameters; a name without = begins a challenge.
        public void ReadInto(ImmutableArray<AuthChallenge>.Builder challenges)
        {
            string? scheme = null;
            ImmutableDictionary<string, string>.Builder parameters = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
            while (_at < _text.Length)
            {
                SkipBlank(commas: true);
                string name = Token();
                if (name.Length == 0)
                {
                    _at++;
                    continue;
                }
                int afterName = _at;
                SkipBlank(commas: false);
                if (_at < _text.Length && _text[_at] == '=')
                {
                    _at++;
                    SkipBlank(commas: false);
                    if (Value() is not { } value) break;
                    if (scheme is not null) parameters.TryAdd(name, value);
                    continue;
                }
                _at = afterName;
                Take(challenges, scheme, parameters);
                scheme = name;
            }
            Take(challenges, scheme, parameters);
        }

        private static void Take(ImmutableArray<AuthChallenge>.Builder challenges, string? scheme, ImmutableDictionary<string, string>.Builder parameters)
        {
            if (scheme is not null) challenges.Add(new(scheme, parameters.ToImmutable()));
            parameters.Clear();
        }

        private void SkipBlank(bool commas)
        {
            while (_at < _text.Length && (_text[_at] is ' ' or '\t' || (commas && _text[_at] == ','))) _at++;
        }

        private string Token()
        {
            int start = _at;
            while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || "!#$%&'*+-.^_`|~/".Contains(_text[_at]))) _at++;
            return _text[start.._at].ToString().ToLowerInvariant();
        }

        /// <returns>Null when a quoted value does not end.</returns>
        private string? Value()
        {
            if (_at >= _text.Length || _text[_at] != '"')
            {
                int start = _at;
                while (_at < _text.Length && _text[_at] is not (',' or ' ' or '\t')) _at++;
                return _text[start.._at].ToString();
            }
            StringBuilder value = new();
            for (_at++; _at < _text.Length; _at++)
            {
                if (_text[_at] == '"')
                {
                    _at++;
                    return value.ToString();
                }
                if (_text[_at] == '\\' && _at + 1 < _text.Length) _at++;
                value.Append(_text[_at]);
            }
            return null;
        }
    }
}
