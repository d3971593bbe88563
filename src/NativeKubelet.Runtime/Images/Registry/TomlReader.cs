using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>
/// Reads the part of TOML 1.0 that hosts.toml is written in: tables, dotted and quoted keys, strings of one line, whole
/// numbers, booleans, arrays, inline tables. What else TOML has (dates, floats, long strings, arrays of tables) is refused by name.
/// </summary>
public ref struct TomlReader
{
    private const int Deepest = 16;
    private const int MostEntries = 10_000;

    private readonly ReadOnlySpan<char> _text;
    private int _at;
    private int _line;
    private int _entries;

    private TomlReader(ReadOnlySpan<char> text)
    {
        _text = text;
        _line = 1;
    }

    /// <exception cref="TomlException">Not TOML, or beyond the part read here.</exception>
    public static TomlTable Read(ReadOnlySpan<char> text) => new TomlReader(text).Document();

    private readonly char Current => _at < _text.Length ? _text[_at] : '\0';

    private readonly bool Ended => _at >= _text.Length;

    private TomlTable Document()
    {
        TomlTable root = new(1), table = root;
        while (true)
        {
            SkipBlank(lines: true);
            if (Ended) return root;
            if (Current == '[') table = Header(root);
            else Assignment(table, 0);
            SkipBlank(lines: false);
            if (!Ended && Current != '\n') throw Wrong($"unexpected {Shown()} after the end of the entry");
        }
    }

    private TomlTable Header(TomlTable root)
    {
        _at++;
        if (Current == '[') throw Wrong("arrays of tables ([[…]]) have no meaning here; write [host.\"https://…\"]");
        List<string> path = Path();
        if (Current != ']') throw Wrong($"expected ] after the table's name, got {Shown()}");
        _at++;
        TomlTable table = Descend(root, path);
        if (table.Written) throw Wrong($"table [{string.Join('.', path)}] is written twice; join the two");
        table.Written = true;
        return table;
    }

    private void Assignment(TomlTable table, int depth)
    {
        List<string> path = Path();
        int line = _line;
        if (Current != '=') throw Wrong($"expected = after the key {path[^1]}, got {Shown()}");
        _at++;
        SkipBlank(lines: false);
        TomlTable owner = Descend(table, path.GetRange(0, path.Count - 1));
        if (owner.Find(path[^1]) is not null) throw new TomlException(line, $"{string.Join('.', path)} is set twice");
        Count();
        owner.Add(path[^1], Value(depth));
    }

    private TomlTable Descend(TomlTable table, List<string> path)
    {
        foreach (string name in path)
        {
            TomlValue? next = table.Find(name);
            if (next is null)
            {
                Count();
                table.Add(name, next = new TomlTable(_line));
            }
            table = next as TomlTable ?? throw Wrong($"{name} is no table, but a value set in line {next.Line}");
            if (table.Closed) throw Wrong($"{name} was closed by the braces in line {table.Line}");
        }
        return table;
    }

    /// <summary>Stops at what follows the key and its blanks.</summary>
    private List<string> Path()
    {
        List<string> path = [];
        while (true)
        {
            SkipBlank(lines: false);
            path.Add(Key());
            if (path.Count > Deepest) throw Wrong("the key has too many parts");
            SkipBlank(lines: false);
            if (Current != '.') return path;
            _at++;
        }
    }

    private string Key()
    {
        if (Current is '"' or '\'') return Text();
        int start = _at;
        while (char.IsAsciiLetterOrDigit(Current) || Current is '-' or '_') _at++;
        return _at > start ? _text[start.._at].ToString() : throw Wrong($"expected a key, got {Shown()}");
    }

    private TomlValue Value(int depth)
    {
        if (depth > Deepest) throw Wrong("values are nested too deeply");
        int line = _line;
        switch (Current)
        {
            case '"' or '\'':
                return new TomlText(Text(), line);
            case '[':
                return Array(depth);
            case '{':
                return Inline(depth);
        }
        int start = _at;
        while (char.IsAsciiLetterOrDigit(Current) || Current is '-' or '+' or '_' or '.' or ':') _at++;
        ReadOnlySpan<char> word = _text[start.._at];
        if (word is "true" or "false") return new TomlBoolean(word is "true", line);
        if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)) return new TomlNumber(number, line);
        throw Wrong(word.IsEmpty ? $"expected a value, got {Shown()}" : $"'{Cut(word)}' is no value that is understood here; text stands in quotes");
    }

    private TomlArray Array(int depth)
    {
        int line = _line;
        ImmutableArray<TomlValue>.Builder items = ImmutableArray.CreateBuilder<TomlValue>();
        _at++;
        while (true)
        {
            SkipBlank(lines: true);
            if (Current == ']') break;
            Count();
            items.Add(Value(depth + 1));
            SkipBlank(lines: true);
            if (Current == ']') break;
            if (Current != ',') throw Wrong(Ended ? $"the array begun in line {line} has no end" : $"expected , or ] in the array, got {Shown()}");
            _at++;
        }
        _at++;
        return new(items.ToImmutable(), line);
    }

    private TomlTable Inline(int depth)
    {
        if (depth >= Deepest) throw Wrong("values are nested too deeply");
        TomlTable table = new(_line) { Written = true };
        _at++;
        SkipBlank(lines: false);
        while (Current != '}')
        {
            Assignment(table, depth + 1);
            SkipBlank(lines: false);
            if (Current == '}') break;
            if (Current != ',') throw Wrong($"expected , or }} in the inline table, got {Shown()}");
            _at++;
        }
        _at++;
        table.Closed = true;
        return table;
    }

    private string Text()
    {
        char quote = Current;
        if (_text[_at..].StartsWith([quote, quote, quote])) throw Wrong("strings of several lines are not understood here");
        StringBuilder text = new();
        for (_at++; Current != quote; _at++)
        {
            char c = Current;
            if (Ended || c == '\n') throw Wrong("the string has no closing quote");
            if (c < ' ' && c != '\t') throw Wrong("a control character stands in the string");
            if (c == '\\' && quote == '"') Escape(text);
            else text.Append(c);
        }
        _at++;
        return text.ToString();
    }

    private void Escape(StringBuilder text)
    {
        _at++;
        switch (Current)
        {
            case 'b': text.Append('\b'); break;
            case 't': text.Append('\t'); break;
            case 'n': text.Append('\n'); break;
            case 'f': text.Append('\f'); break;
            case 'r': text.Append('\r'); break;
            case '"' or '\\': text.Append(Current); break;
            case 'u' or 'U':
                int digits = Current == 'u' ? 4 : 8;
                if (_at + digits >= _text.Length
                    || !uint.TryParse(_text.Slice(_at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code)
                    || !Rune.TryCreate(code, out Rune rune))
                    throw Wrong($"\\{Current} is not followed by {digits} digits of a character");
                text.Append(rune.ToString());
                _at += digits;
                break;
            default:
                throw Wrong($"\\{Shown()} is no escape; a backslash itself is written twice");
        }
    }

    private void SkipBlank(bool lines)
    {
        for (; !Ended; _at++)
        {
            if (Current == '#')
            {
                int end = _text[_at..].IndexOf('\n');
                _at = end < 0 ? _text.Length : _at + end;
                if (Ended) return;
            }
            if (Current == '\n')
            {
                if (!lines) return;
                _line++;
            }
            else if (Current is not (' ' or '\t' or '\r')) return;
        }
    }

    private void Count()
    {
        if (++_entries > MostEntries) throw Wrong($"more than {MostEntries} entries");
    }

    private readonly string Shown() => Ended ? "the end of the file" : Current == '\n' ? "the end of the line" : char.IsControl(Current) ? "a control character" : $"'{Current}'";

    private static string Cut(ReadOnlySpan<char> word) => word.Length > 40 ? $"{word[..40]}…" : word.ToString();

    private readonly TomlException Wrong(string message) => new(_line, message);
}
