namespace NativeKubelet.Cli.Completion;

/// <summary>The shells' side of completion: each hands the words up to the cursor to <c>__complete</c> and shows the answer.</summary>
public static class CompletionScripts
{
    /// <returns>Null for a shell that is not known.</returns>
    public static string? Of(string shell) => shell switch { "bash" => Bash, "zsh" => Zsh, "fish" => Fish, _ => null };

    /// <summary>
    /// bash splits words at '=' and ':' too, so the line is split anew, and what bash keeps before the cursor is taken off the
    /// candidates. bash 3 has no compopt: there files are completed by plain names.
    /// </summary>
    private const string Bash = """
        # bash completion for nativekubelet
        _nativekubelet() {
            local cur=${COMP_WORDS[COMP_CWORD]} typed line word head IFS=$' \t\n'
            local -a words
            read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
            case ${COMP_LINE:0:COMP_POINT} in *[[:space:]]) words+=('') ;; esac
            typed=${words[${#words[@]}-1]}
            case $cur in '='|':'|'==') cur= ;; esac
            head=${typed%"$cur"}
            COMPREPLY=()
            while IFS= read -r line; do
                case $line in
                    :files) compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur") ;;
                    :directories) compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$cur") ;;
                    :*) ;;
                    *) word=${line%%$'\t'*}; word=${word#"$head"}; COMPREPLY+=("$word") ;;
                esac
            done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
            case ${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac
        }
        complete -F _nativekubelet nativekubelet kubelet

        """;

    private const string Zsh = """
        #compdef nativekubelet kubelet
        # zsh completion for nativekubelet
        _nativekubelet() {
            local line word help ending=:none
            local -a shown
            for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
                case $line in
                    :*) ending=$line ;;
                    ?*) word=${line%%$'\t'*}; help=${line#*$'\t'}; shown+=("${word//:/\\:}${help:+:$help}") ;;
                esac
            done
            case $ending in
                :files) compset -P '--*='; _files ;;
                :directories) compset -P '--*='; _files -/ ;;
                *) [[ ${shown[1]} == *=(|:*) ]] && _describe nativekubelet shown -S '' || _describe nativekubelet shown ;;
            esac
        }
        if [ "$funcstack[1]" = _nativekubelet ]; then _nativekubelet; else compdef _nativekubelet nativekubelet kubelet; fi

        """;

    private const string Fish = """
        # fish completion for nativekubelet
        function __nativekubelet_complete
            set -l words (commandline -opc)
            set -l typed (commandline -ct)
            set -l lines ($words[1] __complete -- $words[2..-1] "$typed" 2>/dev/null)
            for line in $lines
                switch $line
                    case ':files' ':directories'
                        set -l head (string match -r '^--[^=]*=' -- "$typed")
                        for path in (__fish_complete_path (string replace -r '^--[^=]*=' '' -- "$typed"))
                            echo "$head$path"
                        end
                    case ':*'
                    case '*'
                        echo $line
                end
            end
        end
        complete -c nativekubelet -f -a '(__nativekubelet_complete)'
        complete -c kubelet -f -a '(__nativekubelet_complete)'

        """;
}
