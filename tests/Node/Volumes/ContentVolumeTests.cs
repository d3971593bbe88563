using k8s.Models;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Volumes;

public sealed class ContentVolumeTests
{
    private const string Mounts = "- {name: v, mountPath: /v}";

    [Fact]
    public async Task A_configMap_volume_shows_its_keys_through_one_link_that_is_swapped()
    {
        using VolumesHost node = new();
        node.Define(Map("a: one, b: two"));
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, configMap: {name: m}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);
        string before = new FileInfo($"{directory}/..data").LinkTarget!;

        Assert.Equal("one", File.ReadAllText($"{directory}/a"));
        Assert.Equal("..data/a", new FileInfo($"{directory}/a").LinkTarget);
        Assert.Equal(0x1A4u, VolumesHost.Owner($"{directory}/..data/a").Mode);
        await node.Volumes.RefreshAsync(pod, VolumesHost.Deadline());
        Assert.Equal(before, new FileInfo($"{directory}/..data").LinkTarget);

        node.Define(Map("a: other, c: three"));
        await node.Volumes.RefreshAsync(pod, VolumesHost.Deadline());
        Assert.Equal("other", File.ReadAllText($"{directory}/a"));
        string after = new FileInfo($"{directory}/..data").LinkTarget!;
        Assert.Equal([after, "..data", "a", "c"], Directory.GetFileSystemEntries(directory).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.NotEqual(before, after);
    }

    [Fact]
    public async Task Items_choose_rename_and_give_modes_and_binary_data_is_kept_as_it_is()
    {
        using VolumesHost node = new();
        node.Define("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: one}\nbinaryData: {b: AP8=}");
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, configMap: {name: m, defaultMode: 0600, items: [{key: b, path: deep/er/b, mode: 0640}, {key: a, path: x}]}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);

        Assert.Equal([0, 255], File.ReadAllBytes($"{directory}/deep/er/b"));
        Assert.Equal(0x1A0u, VolumesHost.Owner($"{directory}/..data/deep/er/b").Mode);
        Assert.Equal(0x180u, VolumesHost.Owner($"{directory}/..data/x").Mode);
        Assert.False(File.Exists($"{directory}/a"));
    }

    [Theory]
    [InlineData("", 0x1A4u, 0u, 0u)]
    [InlineData("securityContext: {runAsUser: 4321}", 0x180u, 4321u, 0u)]
    [InlineData("securityContext: {fsGroup: 4321}", 0x1A0u, 0u, 4321u)]
    public async Task A_token_belongs_to_the_one_user_or_group_of_the_pod_and_follows_its_renewal(string spec, uint mode, uint user, uint group)
    {
        using VolumesHost node = new();
        node.Tokens.Give(new("", 3607), "first");
        V1Pod pod = node.PodWithToken(spec);
        await node.Volumes.SetUpAsync(pod, VolumesHost.Deadline());
        string directory = await node.DirectoryAsync(pod);

        Assert.Equal("first", File.ReadAllText($"{directory}/token"));
        Assert.Equal((mode, group), VolumesHost.Owner($"{directory}/..data/token"));
        Assert.Equal($"{user}", Tool.Run("/usr/bin/stat", "-L", "-c", "%u", $"{directory}/token").Trim());

        node.Tokens.Give(new("", 3607), "second");
        await node.Volumes.RefreshAsync(pod, VolumesHost.Deadline());
        Assert.Equal("second", File.ReadAllText($"{directory}/token"));
    }

    [Fact]
    public async Task A_token_that_cannot_be_had_keeps_the_pod_from_starting_and_says_why()
    {
        using VolumesHost node = new();

        VolumeException fault = await Assert.ThrowsAsync<VolumeException>(() => node.Volumes.SetUpAsync(node.PodWithToken(""), VolumesHost.Deadline()));

        Assert.Equal("MountVolume.SetUp failed for volume \"v\" : failed to fetch token: there is no API server to ask", fault.Message);
    }

    [Fact]
    public async Task A_secret_lies_in_memory_that_is_never_swapped_and_belongs_to_the_pods_group()
    {
        using VolumesHost node = new();
        node.Define("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {token: hush}");
        V1Pod pod = await node.SetUpAsync("securityContext: {fsGroup: 4321}\nvolumes: [{name: v, secret: {secretName: s, defaultMode: 0400}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);

        MountInfo mount = MountInfo.ReadOwn().Single(m => m.MountPoint == directory);
        Assert.Equal("tmpfs", mount.FileSystem);
        Assert.Contains("size=65536k", mount.SuperOptions, StringComparison.Ordinal);
        if (Environment.OSVersion.Version >= new Version(6, 4)) Assert.Contains("noswap", mount.SuperOptions, StringComparison.Ordinal);
        Assert.Equal((0x120u, 4321u), VolumesHost.Owner($"{directory}/..data/token"));
        Assert.Equal((0x7FFu, 4321u), VolumesHost.Owner(directory));

        await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());
        Assert.Empty(node.MountPoints());
    }

    [Fact]
    public async Task Projected_sources_are_merged_and_the_later_one_wins()
    {
        using VolumesHost node = new();
        node.Define(Map("a: one, b: two") + "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {b: hush}");
        V1Pod pod = await node.SetUpAsync(
            """
            volumes:
            - name: v
              projected:
                sources:
                - configMap: {name: m}
                - secret: {name: s}
                - secret: {name: none, optional: true}
                - downwardAPI:
                    items:
                    - {path: labels, fieldRef: {fieldPath: metadata.labels}}
                    - {path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}
                    - {path: memory, resourceFieldRef: {containerName: main, resource: limits.memory, divisor: 1Mi}}
            """, Mounts);
        string directory = await node.DirectoryAsync(pod);

        Assert.Equal("one", File.ReadAllText($"{directory}/a"));
        Assert.Equal("hush", File.ReadAllText($"{directory}/b"));
        Assert.Equal("app=\"shop\"", File.ReadAllText($"{directory}/labels"));
        Assert.Equal("1500", File.ReadAllText($"{directory}/cpu"));
        Assert.Equal("64", File.ReadAllText($"{directory}/memory"));
    }

    [Theory]
    [InlineData("configMap: {name: none}", "MountVolume.SetUp failed for volume \"v\" : configmap \"none\" not found")]
    [InlineData("secret: {secretName: none}", "MountVolume.SetUp failed for volume \"v\" : secret \"none\" not found")]
    [InlineData("configMap: {name: m, items: [{key: k, path: k}]}", "MountVolume.SetUp failed for volume \"v\" : configmap references non-existent config key: k")]
    [InlineData("emptyDir: {medium: HugePages-2Mi}", "MountVolume.SetUp failed for volume \"v\" : medium HugePages-2Mi: hugePages storage requested, but there is no resource request for huge pages")]
    public async Task What_is_missing_is_told_in_the_words_of_the_original_and_leaves_nothing(string volume, string message)
    {
        using VolumesHost node = new();
        node.Define(Map("a: one"));
        VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.SetUpAsync($"volumes: [{{name: v, {volume}}}]", Mounts));

        Assert.Equal(message, e.Message);
        Assert.Empty(node.MountPoints());
    }

    [Fact]
    public async Task Optional_objects_and_keys_may_be_missing_and_appear_later()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, configMap: {name: m, optional: true, items: [{key: k, path: k}]}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);
        Assert.False(File.Exists($"{directory}/k"));

        node.Define(Map("k: here"));
        await node.Volumes.RefreshAsync(pod, VolumesHost.Deadline());
        Assert.Equal("here", File.ReadAllText($"{directory}/k"));
    }

    [Fact]
    public async Task A_volume_keeps_its_files_when_its_object_is_taken_away_and_containers_start_on()
    {
        using VolumesHost node = new();
        node.Define(Map("a: one"));
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, configMap: {name: m}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);

        node.Define("");
        VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.Volumes.RefreshAsync(pod, VolumesHost.Deadline()));
        await node.Volumes.SetUpAsync(pod, VolumesHost.Deadline());

        Assert.Contains("configmap \"m\" not found", e.Message, StringComparison.Ordinal);
        Assert.Equal("one", File.ReadAllText($"{directory}/a"));
    }

    [Fact]
    public async Task What_a_killed_agent_had_begun_is_cleared_away_with_the_next_change()
    {
        using VolumesHost node = new();
        node.Define(Map("a: one"));
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, configMap: {name: m}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);
        Directory.CreateDirectory($"{directory}/..2020_01_01_00_00_00.1");
        File.CreateSymbolicLink($"{directory}/..data_tmp", "..2020_01_01_00_00_00.1");

        node.Define(Map("a: two"));
        await node.Volumes.RefreshAsync(pod, VolumesHost.Deadline());

        Assert.Equal("two", File.ReadAllText($"{directory}/a"));
        Assert.Equal(3, Directory.GetFileSystemEntries(directory).Length);
    }

    [Fact]
    public async Task A_change_that_finds_no_room_leaves_the_old_files_complete_and_says_so()
    {
        using VolumesHost node = new();
        node.Define(Map("a: one"));
        V1Pod pod = node.Pod("volumes: [{name: v, configMap: {name: m}}]", Mounts);
        MountPoint.Tmpfs($"{node.Paths.PodDirectory(pod.Metadata.Uid)}/volumes", new(64 << 10, 0x1E8), MountAttributes.None);
        await node.Volumes.SetUpAsync(pod, VolumesHost.Deadline());
        string directory = await node.DirectoryAsync(pod);

        node.Define(Map($"a: two, b: {new string('x', 256 << 10)}"));
        VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.Volumes.RefreshAsync(pod, VolumesHost.Deadline()));

        Assert.Contains("No space left on device", e.Message, StringComparison.Ordinal);
        Assert.Equal("one", File.ReadAllText($"{directory}/a"));
        Assert.Equal(3, Directory.GetFileSystemEntries(directory).Length);
    }

    [Fact]
    public async Task Places_for_volumes_inside_a_read_only_volume_are_made_beforehand()
    {
        using VolumesHost node = new();
        node.Define(Map("a: one"));
        V1Pod pod = await node.SetUpAsync(
            "volumes: [{name: v, configMap: {name: m}}, {name: w, emptyDir: {}}]", "- {name: v, mountPath: /v}\n- {name: w, mountPath: /v/deep/er}");

        Assert.True(Directory.Exists($"{await node.DirectoryAsync(pod)}/deep/er"));
        Assert.Equal("one", File.ReadAllText($"{await node.DirectoryAsync(pod)}/a"));
    }

    private static string Map(string data) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{{data}}}";
}
