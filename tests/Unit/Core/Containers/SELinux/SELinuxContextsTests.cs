using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Tests.Unit.Core.Containers.SELinux;

public sealed class SELinuxContextsTests
{
    private const string Reference = """
        process = "system_u:system_r:container_t:s0"
        content = "system_u:object_r:virt_var_lib_t:s0"
        file = "system_u:object_r:container_file_t:s0"
        ro_file = "system_u:object_r:container_ro_file_t:s0"
        sandbox_lxc_process = "system_u:system_r:sandbox_t:s0"
        """;

    [Fact]
    public void The_policys_own_words_are_read()
    {
        SELinuxContexts? contexts = SELinuxContexts.TryParse(Reference, "/a/file");

        Assert.Equal("system_u:system_r:container_t:s0", contexts?.Process.ToString());
        Assert.Equal("system_u:object_r:container_file_t:s0", contexts?.File.ToString());
        Assert.Equal("system_u:object_r:container_ro_file_t:s0", contexts?.SharedFile.ToString());
        Assert.Equal("/a/file", contexts?.Origin);
    }

    [Fact]
    public void Files_of_images_are_like_others_where_the_policy_has_no_word_for_them() =>
        Assert.Equal("u:r:f:s0", SELinuxContexts.TryParse("\n# a comment\n; process = x\n\tprocess=u:r:p:s0\r\n file = \"u:r:f:s0\"  \nro_file = nothing", "")?.SharedFile.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("process = u:r:p:s0")]
    [InlineData("file = u:r:f:s0")]
    [InlineData("process = p\nfile = u:r:f:s0")]
    [InlineData("process u:r:p:s0\nfile = u:r:f:s0")]
    [InlineData("= u:r:p:s0\n=\n==\nprocess")]
    [InlineData("#process = u:r:p:s0\nfile = u:r:f:s0")]
    [InlineData("process = \"u:r:p:s0\" \"x\"\nfile = u:r:f:s0")]
    public void Half_a_word_is_none(string text) => Assert.Null(SELinuxContexts.TryParse(text, ""));

    [Fact]
    public void Without_levels_our_own_words_have_none()
    {
        Assert.Equal("system_u:system_r:container_t", SELinuxContexts.BuiltIn(hasLevels: false).Process.ToString());
        Assert.Equal("system_u:object_r:container_file_t:s0", SELinuxContexts.BuiltIn(hasLevels: true).File.ToString());
    }

    [Theory]
    [InlineData("SELINUX=enforcing\nSELINUXTYPE=default\n", "default")]
    [InlineData("# SELINUXTYPE=mls\nSELINUXTYPE = targeted ", "targeted")]
    [InlineData("SELINUXTYPE=\"mls\"\r\nSELINUXTYPE=other", "mls")]
    [InlineData("", "targeted")]
    [InlineData("SELINUXTYPE=", "targeted")]
    [InlineData("SELINUXTYPE=../../tmp", "targeted")]
    [InlineData("SELINUXTYPE=..", "targeted")]
    [InlineData("SELINUXTYPE=a/b", "targeted")]
    [InlineData("SELINUXTYPE", "targeted")]
    public void A_policys_name_is_a_directory_and_leads_nowhere_else(string config, string policy) => Assert.Equal(policy, SELinuxSettings.Policy(config));
}
